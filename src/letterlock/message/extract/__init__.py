"""What an agent came for: codes, links, the newest part of a reply, what kind of mail it is. By rule, with reasons."""
