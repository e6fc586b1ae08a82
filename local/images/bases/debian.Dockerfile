# What all base images share. root.tar is made by mmdebstrap, see debian.py.
FROM scratch
ADD root.tar /
CMD ["/bin/sh"]
