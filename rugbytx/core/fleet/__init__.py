"""What is known of workers and what they may do: class, presence, halts, hours, protection; pure."""
