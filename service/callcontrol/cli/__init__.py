"""The program `callcontrol`: the service, the simulator, and clients for the terminal."""

import os

# Read by gRPC once, when it is imported: its raw lines on stderr repeat what errors tell.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
