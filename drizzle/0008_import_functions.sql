-- What imports need of the store's functions.
SELECT 1;
