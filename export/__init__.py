"""From fetched weights to graphs that run. Imports engines; engines never import it."""
