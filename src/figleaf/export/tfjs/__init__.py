"""TensorFlow.js: a bundle as a graph model that NSFW JS loads."""
