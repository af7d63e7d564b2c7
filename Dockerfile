# Build: everything, to bundle the program.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json build.js ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
RUN node build.js

# The packages that it needs to run; not the embedded PostgreSQL, for a container has a server beside it.
FROM node:22-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev --omit=optional

FROM node:22-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 UPLOADS=/uploads
# The bytes of files: a volume that API and workers share; a new one takes over whose this is.
RUN install -d -o node -g node /uploads
WORKDIR /app
COPY package.json LICENSE ./
COPY bin ./bin
COPY drizzle ./drizzle
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "bin/health.js"]
ENTRYPOINT ["node", "bin/tidemark.js"]
CMD ["serve", "--role", "api"]
