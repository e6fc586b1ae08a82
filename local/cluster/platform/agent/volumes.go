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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const provisionerName = "journal.test/local-path"

// folders makes each volume a folder on the node's disk. Its size is not limited. It belongs to root as a fresh block
// device's file system does: a pod that is not root asks for it by fsGroup.
type folders struct{ root, node string }

func provisionVolumes(ctx context.Context, client kubernetes.Interface, root, node string) {
	retry := workqueue.NewTypedItemExponentialFailureRateLimiter[string](100*time.Millisecond, 10*time.Second)
	controller.NewProvisionController(ctx, client, provisionerName, folders{root, node},
		controller.LeaderElection(false), controller.RateLimiter(retry)).Run(ctx)
}

func (f folders) Provision(_ context.Context, o controller.ProvisionOptions) (*corev1.PersistentVolume, controller.ProvisioningState, error) {
	claim := o.PVC.Spec
	if err := supported(claim); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	path := filepath.Join(f.root, o.PVName)
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, controller.ProvisioningFinished, err
	}
	onThisNode := corev1.NodeSelectorRequirement{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{f.node}}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: o.PVName},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *o.StorageClass.ReclaimPolicy,
			AccessModes:                   claim.AccessModes,
			MountOptions:                  o.StorageClass.MountOptions,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeSource:        corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: path}},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
				{MatchExpressions: []corev1.NodeSelectorRequirement{onThisNode}},
			}}},
		},
	}, controller.ProvisioningFinished, nil
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

func (f folders) Delete(_ context.Context, volume *corev1.PersistentVolume) error {
	return os.RemoveAll(filepath.Join(f.root, filepath.Base(volume.Name)))
}
