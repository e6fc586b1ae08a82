"""How clients reach a cluster: load balancer, access logs and DNS."""
