# Stands for docker.io/valkey/valkey. The build mounts apt's sources, lists and cache.
FROM localhost/journal/debian:trixie
# Upstream's image answers to Redis's command names too; Debian's packages bring Valkey's alone.
RUN apt-get install --yes --no-install-recommends valkey-server valkey-sentinel valkey-tools \
    && valkey-server --version | grep -F v=8.1.1 \
    && for name in server sentinel cli benchmark check-aof check-rdb; do \
         ln -s "valkey-$name" "/usr/bin/redis-$name" || exit; \
       done \
    && install --directory --owner=65532 --group=65532 /data
WORKDIR /data
USER 65532:65532
EXPOSE 6379
CMD ["valkey-server"]
