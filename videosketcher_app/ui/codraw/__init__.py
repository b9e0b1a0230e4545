"""The co-drawing tab's line to the browser: messages, connections, and the routes that carry them."""
