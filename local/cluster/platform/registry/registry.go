// Package registry keeps which pod has which address on this node: one file per sandbox, written by the CNI plugin
// when the sandbox gets its address, read by the node agent. It lives as long as the node.
package registry

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Sandbox is one pod's place in the network.
type Sandbox struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	IP        string `json:"ip"`
}

// Socket is where the agent answers, and the plugin asks, within a registry's folder.
func Socket(dir string) string { return filepath.Join(dir, "agent.sock") }

func file(dir, id string) string { return filepath.Join(dir, id+".json") }

// Add records a sandbox.
func Add(dir, id string, s Sandbox) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	tmp := file(dir, id) + ".new"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, file(dir, id))
}

// Get reads one sandbox.
func Get(dir, id string) (Sandbox, error) {
	var s Sandbox
	text, err := os.ReadFile(file(dir, id))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// Remove forgets a sandbox; one that is not there is no error.
func Remove(dir, id string) error {
	if err := os.Remove(file(dir, id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// List reads all sandboxes.
func List(dir string) ([]Sandbox, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []Sandbox
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		s, err := Get(dir, id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}
