# Stands for docker.io/library/python. The build mounts apt's sources, lists and cache.
FROM localhost/journal/debian:bookworm
# /etc/pip.conf stays empty: builds mount the user's pip configuration there.
ENV LANG=C.UTF-8
RUN apt-get install --yes --no-install-recommends ca-certificates python3 python3-pip python3-venv \
    && python3 -c 'import sys; assert sys.version_info[:2] == (3, 11), sys.version' \
    && rm /usr/lib/python3*/EXTERNALLY-MANAGED \
    && ln -s /usr/bin/python3 /usr/local/bin/python \
    && ln -s /usr/bin/python3 /usr/local/bin/python3 \
    && touch /etc/pip.conf
CMD ["python3"]
