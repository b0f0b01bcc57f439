"""What is wanted and what never is: denied words, categories, hashes; and the plan they give."""
