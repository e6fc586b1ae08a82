package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const provisionerName = "journal.test/local-path"

// volumes makes each persistent volume on the node's disk, in a folder of its name below `root`. It belongs to root as a
// fresh block device's file system does: a pod that is not root asks for it by fsGroup. What an earlier cluster left
// below `root`/kept, by namespace and name of its claim, the first claim of that name gets.
// limit: whether volumes get the size that is asked for, and no more.
type volumes struct {
	root, node string
	limit      bool
}

func (v volumes) run(ctx context.Context, client kubernetes.Interface) {
	retry := workqueue.NewTypedItemExponentialFailureRateLimiter[string](100*time.Millisecond, 10*time.Second)
	controller.NewProvisionController(ctx, client, provisionerName, v,
		controller.LeaderElection(false), controller.RateLimiter(retry)).Run(ctx)
}

func (v volumes) of(name string) volume { return volume(filepath.Join(v.root, filepath.Base(name))) }

func (v volumes) Provision(_ context.Context, o controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	claim := o.PVC.Spec
	if err := supported(claim); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	size := claim.Resources.Requests[corev1.ResourceStorage]
	made, err := v.make(o.PVName, o.PVC.Namespace, o.PVC.Name, size.Value())
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if bytes := made.bytes(); bytes > size.Value() {
		size = *resource.NewQuantity(bytes, resource.BinarySI)
	}
	onThisNode := corev1.NodeSelectorRequirement{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{v.node}}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			AccessModes:                   claim.AccessModes,
			MountOptions:                  o.StorageClass.MountOptions,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: size},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: made.data()}},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
				{MatchExpressions: []corev1.NodeSelectorRequirement{onThisNode}},
			}}},
		},
	}, controller.ProvisioningFinished, nil
}

// make makes a volume, or takes up what was kept for its claim. It goes on where an earlier try ended.
func (v volumes) make(name, namespace, claim string, bytes int64) (volume, error) {
	made := v.of(name)
	if err := v.place(made, namespace, claim); err != nil {
		return "", err
	}
	if v.limit {
		if err := made.limited(bytes); err != nil {
			return "", err
		}
	}
	return made, made.ready(bytes)
}

// place gives the volume its folder, which says from the first moment whose it is.
func (v volumes) place(made volume, namespace, claim string) error {
	if exists(string(made)) {
		return nil
	}
	err := os.Rename(filepath.Join(v.root, "kept", namespace, claim), string(made))
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	unfinished := volume(filepath.Join(v.root, "new-"+filepath.Base(string(made))))
	if err := os.Mkdir(string(unfinished), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := os.WriteFile(unfinished.claim(), []byte(namespace+"/"+claim), 0o600); err != nil {
		return err
	}
	return os.Rename(string(unfinished), string(made))
}

// supported refuses what a folder can't be.
func supported(claim corev1.PersistentVolumeClaimSpec) error {
	for _, mode := range claim.AccessModes {
		if !slices.Contains([]corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce, corev1.ReadWriteOncePod}, mode) {
			return fmt.Errorf("access mode %s is not supported; use ReadWriteOnce or ReadWriteOncePod", mode)
		}
	}
	if claim.Selector != nil {
		return errors.New("a selector is not supported")
	}
	return nil
}

func (v volumes) Delete(_ context.Context, volume *corev1.PersistentVolume) error {
	return v.of(volume.Name).remove()
}
