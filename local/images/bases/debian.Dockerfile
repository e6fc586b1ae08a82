# What all base images of one Debian suite share. mmdebstrap makes root.tar (debian.py).
FROM scratch
ADD root.tar /
CMD ["/bin/sh"]
