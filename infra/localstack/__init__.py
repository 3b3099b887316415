"""What LocalStack needs of us: its versions (`requirements.lock`) and the plugin that runs functions, `event_dedup_localstack`.

The plugin runs inside LocalStack, in LocalStack's own environment, and imports nothing of ours: this folder is on its PYTHONPATH.
"""
