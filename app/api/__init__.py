"""HTTP only: routes, schemas, error mapping, limits, and who may ask for what."""
