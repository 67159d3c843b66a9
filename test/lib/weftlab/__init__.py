"""A small mesh on one machine: nodes, pods and hosts as network namespaces and cgroups, with real agents and real traffic.

Used by the net tests, the demo and the benchmark. Everything belongs to one Lab, whose close() removes it again.
"""
