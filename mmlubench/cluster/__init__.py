"""Clusters: jobs are carried to machines, and what they bring back is carried home.

This room knows command lines, replies and folders; what a run or a shard is, it does not know.
"""
