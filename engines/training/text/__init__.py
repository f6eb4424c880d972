"""What is learnt on N-best lists: error correction by one LoRA, and by a mixture of LoRA experts."""
