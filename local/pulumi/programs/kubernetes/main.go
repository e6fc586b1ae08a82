// Command kubernetes is Pulumi's Kubernetes provider, built from its Go module.
//
// Upstream's own main package embeds files that upstream's build generates; the module holds the same files, and
// local/pulumi/programs.py copies them beside this file before it builds.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var terraformMapping []byte

// version is set by the linker.
var version string

func main() {
	provider.Serve("kubernetes", version, schema, terraformMapping)
}
