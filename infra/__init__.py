"""Everything that touches the world: it translates, and never decides."""
