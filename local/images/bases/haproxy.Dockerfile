# Stands for docker.io/library/haproxy. The build mounts apt's sources, lists and cache.
FROM localhost/journal/debian:trixie
RUN apt-get install --yes --no-install-recommends haproxy \
    && haproxy -v | grep -F 'version 3.0.11'
CMD ["haproxy", "-f", "/etc/haproxy/haproxy.cfg"]
