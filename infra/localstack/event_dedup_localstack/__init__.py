"""Runs Lambda functions of package type Image in LocalStack's free version, which by itself runs none of them.

plugin.py        what LocalStack finds: the executors ``process`` and ``rie``
process.py       ``process``: a process of the project's own environment, through awslambdaric; no Docker
  runtime_api.py   the Runtime API that awslambdaric speaks, served to one process
  bootstrap.py     what runs in that process
rie.py           ``rie``: a container of the function's image, which runs AWS's Runtime Interface Emulator
polling.py       queues are asked as Lambda asks them
aliases.py       aliases that change with their function
custom_resource.py   custom resources, which the free CloudFormation only pretends to make: the migration is one
server.py        starts LocalStack so that it ends with who started it
"""
