"""The OpenWrt feed: what its packages need, hold and weigh."""
