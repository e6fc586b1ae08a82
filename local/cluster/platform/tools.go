// Package platform pins the programs of the local cluster: its go.mod lists them as tools. Each tool is built from the
// module that owns it; agent, policycni and pause are ours.
package platform
