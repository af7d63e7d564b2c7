// Exits 0 when the API of this container is ready; a worker, which has no port, is healthy while it runs.
const role = process.env.ROLE;
const ready = async () => (await fetch(`http://127.0.0.1:${process.env.PORT ?? 4000}/readyz`)).ok;
process.exitCode = role === 'worker' || (await ready().catch(() => false)) ? 0 : 1;
