"""The runtimes: what executes a network (torch or OpenVINO, at a precision), and the choice between them."""
