"""Whether the world asks the right name servers for the domain: Route 53's answer beside public DNS'."""

from tools.doctor.account import GLOBAL_REGION, Asks, CouldNotAsk
from tools.doctor.findings import Finding, Verdict

SECONDS = 5


def check(account: Asks, domain: str, *, is_shared: bool) -> list[Finding]:
    """is_shared: whether the stack in question makes the zone, so that it may be missing."""
    zone = zone_servers(account, domain)
    if not zone:
        if is_shared:
            return []
        says = "Route 53 has no public zone of it"
        return [Finding(f"domain {domain}", Verdict.PROBLEM, says, "Deploy it first: pulumi up -s shared.")]
    return [judged(domain, zone, public_servers(domain))]


def judged(domain: str, zone: frozenset[str], public: frozenset[str]) -> Finding:
    """zone: the servers that Route 53 gave the zone. public: those that public DNS names; both without a last dot."""
    subject = f"domain {domain}"
    if zone == public:
        return Finding(subject, Verdict.OK, "public DNS asks the zone's name servers")
    says = f"public DNS asks {', '.join(sorted(public))}" if public else "public DNS knows no name servers of it"
    remedy = (
        f"Enter these at the domain's registrar, or in the zone above it: {', '.join(sorted(zone))}. "
        "Until then no certificate is issued."
    )
    return Finding(subject, Verdict.PROBLEM, says, remedy)


def zone_servers(account: Asks, domain: str) -> frozenset[str]:
    """The servers of the public zone in Route 53; none where there is no zone."""
    listed = account.ask("route53", "ListHostedZonesByName", region=GLOBAL_REGION, DNSName=domain, MaxItems="10")
    servers: set[str] = set()
    for zone in listed["HostedZones"]:
        if zone["Name"].rstrip(".") == domain and not zone.get("Config", {}).get("PrivateZone"):
            found = account.ask("route53", "GetHostedZone", region=GLOBAL_REGION, Id=zone["Id"])
            servers |= {name.rstrip(".").lower() for name in found["DelegationSet"]["NameServers"]}
    return frozenset(servers)


def public_servers(domain: str) -> frozenset[str]:
    """The servers that public DNS names for a domain; none where it knows none. Raises CouldNotAsk."""
    import dns.exception
    import dns.resolver

    try:
        answer = dns.resolver.resolve(domain, "NS", lifetime=SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.NoNameservers):
        return frozenset()
    except (dns.exception.DNSException, OSError) as error:
        raise CouldNotAsk(f"no answer from DNS: {type(error).__name__}") from error
    return frozenset(str(record.target).rstrip(".").lower() for record in answer)
