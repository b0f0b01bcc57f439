"""TensorFlow.js: its layers and graph models as bundles."""

from figleaf.importing.tfjs.importer import Pixels, TfjsRules, import_tfjs

__all__ = ["Pixels", "TfjsRules", "import_tfjs"]
