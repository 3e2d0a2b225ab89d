"""Links to FreeSWITCH: sockets, reconnecting, pools, nodes, jobs. Knows nothing about calls."""
