"""Files from model hubs: looked up, brought in pieces, verified, and only then given their names.

`hubs` asks Hugging Face or ModelScope what a repository holds, `fetch` brings one file of it.
Every request goes through `wire`, which talks to no host that `hosts` does not allow.
"""
