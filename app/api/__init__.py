"""HTTP only: routes, schemas, error mapping and limits."""
