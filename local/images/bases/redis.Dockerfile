# Stands for docker.io/library/redis. The build mounts apt's sources, lists and cache.
FROM localhost/journal/debian:bookworm
RUN apt-get install --yes --no-install-recommends redis-server redis-tools \
    && redis-server --version | grep -F v=7.0.15 \
    && install --directory --owner=65532 --group=65532 /data
WORKDIR /data
USER 65532:65532
EXPOSE 6379
CMD ["redis-server"]
