package main

import (
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/sets"

	_ "github.com/cert-manager/cert-manager/internal/controller/feature"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificate-shim/ingresses"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/metrics"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"

	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/util"
)

// settings of the controller: what the chart passes by flag, and upstream's defaults for the rest
// (internal/apis/config/controller/v1alpha1/defaults.go).
type settings struct {
	controller.ContextOptions
	election        election
	metrics, health string
}

func parseSettings(args []string) (*settings, error) {
	o := &settings{metrics: "0.0.0.0:9402", health: "0.0.0.0:9403"}
	o.KubernetesAPIQPS, o.KubernetesAPIBurst = 20, 50
	o.ClusterIssuerAmbientCredentials = true
	o.HTTP01SolverResourceRequestCPU = resource.MustParse("10m")
	o.HTTP01SolverResourceRequestMemory = resource.MustParse("64Mi")
	o.HTTP01SolverResourceLimitsCPU = resource.MustParse("100m")
	o.HTTP01SolverResourceLimitsMemory = resource.MustParse("64Mi")
	o.ACMEHTTP01SolverRunAsNonRoot = true
	o.DNS01CheckAuthoritative = true
	o.DefaultIssuerKind, o.DefaultIssuerGroup = "Issuer", "cert-manager.io"
	o.DefaultAutoCertificateAnnotations = []string{"kubernetes.io/tls-acme"}
	o.GatewayAPIExtraProtocols = sets.New[string]()
	o.CopiedAnnotationPrefixes = []string{"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"}
	o.CertificateRequestMinimumBackoffDuration = time.Hour
	o.CertificateRequestMaximumBackoffDuration = 32 * time.Hour
	fs := pflag.NewFlagSet("controller", pflag.ExitOnError)
	fs.StringVar(&o.ClusterResourceNamespace, "cluster-resource-namespace", "kube-system", "namespace for what ClusterIssuers own")
	o.election.addFlags(fs)
	fs.StringVar(&o.HTTP01SolverImage, "acme-http01-solver-image", "quay.io/jetstack/cert-manager-acmesolver:"+util.AppVersion, "solver image")
	fs.IntVar(&o.MaxConcurrentChallenges, "max-concurrent-challenges", 60, "challenges at once")
	fs.DurationVar(&o.DNS01CheckRetryPeriod, "dns01-check-retry-period", 10*time.Second, "wait between self checks, HTTP-01 too")
	fs.BoolVar(&o.EnableOwnerRef, "enable-certificate-owner-ref", false, "a Certificate owns its Secret")
	return o, parse(fs, args)
}
