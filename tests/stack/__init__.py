"""The real template in a real LocalStack, the functions as processes, a real Postgres."""
