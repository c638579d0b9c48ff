"""What all tests need before they begin."""

import signal

# A shell lets what it starts in the background ignore Ctrl-C; tests send it to themselves and to their children.
signal.signal(signal.SIGINT, signal.default_int_handler)
