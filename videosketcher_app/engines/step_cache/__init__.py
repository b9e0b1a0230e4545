"""Denoising steps that are not computed: step caches and skipped guidance, planned beforehand."""
