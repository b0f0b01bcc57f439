"""What `figleaf classify` is made of: its options, and what becomes of them."""
