package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDeviceAt(t *testing.T) {
	const mountinfo = `21 1 254:0 / / rw shared:1 - ext4 /dev/vda rw
36 21 7:0 / /v/a/mount rw,relatime shared:9 - xfs /dev/loop0 rw
37 21 7:1 / /v/a\040b/mount rw,relatime - xfs /dev/loop1 rw
38 36 7:2 / /v/a/mount rw,relatime shared:9 - xfs /dev/loop2 rw
`
	for path, want := range map[string]string{
		"/v/a/mount":   "/dev/loop2",
		"/v/a b/mount": "/dev/loop1",
		"/v/a":         "",
		"/":            "/dev/vda",
	} {
		if got := deviceAt(mountinfo, path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestAClaimGetsWhatWasKeptForItOnce(t *testing.T) {
	root := t.TempDir()
	kept := volume(filepath.Join(root, "kept", "journal", "data-0"))
	if err := os.MkdirAll(kept.data(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(kept.data(), "file"), []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := volumes{root: root}
	for _, row := range []struct {
		name, claim string
		has         bool
	}{{"pvc-1", "data-1", false}, {"pvc-2", "data-0", true}, {"pvc-2", "data-0", true}, {"pvc-3", "data-0", false}} {
		made, err := v.make(row.name, "journal", row.claim, 1)
		if err != nil {
			t.Fatal(err)
		}
		if exists(filepath.Join(made.data(), "file")) != row.has {
			t.Errorf("%s for %s: kept data there: %v", row.name, row.claim, !row.has)
		}
	}
	if whose, _ := os.ReadFile(v.of("pvc-3").claim()); string(whose) != "journal/data-0" {
		t.Errorf("it belongs to %q", whose)
	}
	if err := v.of("pvc-3").remove(); err != nil || exists(filepath.Join(root, "pvc-3")) {
		t.Errorf("it stays: %v", err)
	}
}
