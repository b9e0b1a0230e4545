"""Every byte that enters or leaves the process: files, folders, weights, media, paths."""
