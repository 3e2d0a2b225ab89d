"""What a call is and what can be done to it: the layer that knows what FreeSWITCH means."""
