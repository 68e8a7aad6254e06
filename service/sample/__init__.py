"""The sample city 云州市, which does not exist: complaints to look at before there are any of one's own."""
