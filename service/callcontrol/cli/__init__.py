"""The program `callcontrol`: the service, the simulator, and clients for the terminal."""
