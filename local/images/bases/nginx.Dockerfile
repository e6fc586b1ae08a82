# Stands for docker.io/library/nginx. The build mounts apt's sources, lists and cache.
FROM localhost/journal/debian:bookworm
RUN apt-get install --yes --no-install-recommends nginx-light \
    && nginx -v 2>&1 | grep -F nginx/1.22. \
    && ln -sf /dev/stdout /var/log/nginx/access.log \
    && ln -sf /dev/stderr /var/log/nginx/error.log
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
