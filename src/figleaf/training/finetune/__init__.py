"""Fine-tuning: a backbone and its head, trained together with torch."""
