"""The model manager: what is loaded where, what fits, how fast, and what is given up if it must."""
