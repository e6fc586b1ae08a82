package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// resizer gives a claim the size that it asks for later, as a CSI driver's resizer does, while pods use it.
type resizer struct {
	client  kubernetes.Interface
	volumes volumes
	wake    chan struct{}
	synced  cache.InformerSynced
	claims  corelisters.PersistentVolumeClaimLister
}

func newResizer(f informers.SharedInformerFactory, c kubernetes.Interface, v volumes) (*resizer, error) {
	claims := f.Core().V1().PersistentVolumeClaims()
	wake, err := wakes(claims.Informer())
	return &resizer{client: c, volumes: v, wake: wake, synced: claims.Informer().HasSynced, claims: claims.Lister()}, err
}

func (r *resizer) run(ctx context.Context) {
	if !cache.WaitForCacheSync(ctx.Done(), r.synced) {
		return
	}
	for {
		claims, err := r.claims.List(labels.Everything())
		for _, claim := range claims {
			if !wantsMore(claim) {
				continue
			}
			if e := r.resize(ctx, claim); e != nil && !errors.IsConflict(e) && !errors.IsNotFound(e) {
				klog.ErrorS(e, "a volume keeps its size", "claim", klog.KObj(claim))
			}
		}
		if err != nil {
			klog.ErrorS(err, "claims can't be listed")
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
	}
}

// wantsMore tells whether a bound claim asks for more than it has.
func wantsMore(claim *corev1.PersistentVolumeClaim) bool {
	has, ok := claim.Status.Capacity[corev1.ResourceStorage]
	wants := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	return ok && claim.Status.Phase == corev1.ClaimBound && wants.Cmp(has) > 0
}

// resize grows the volume, where it is one of ours, and sets its capacity and then the claim's.
func (r *resizer) resize(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	wants := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	volume, err := r.client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil || volume.Annotations["pv.kubernetes.io/provisioned-by"] != provisionerName {
		return err
	}
	if err := r.volumes.of(volume.Name).grow(wants.Value()); err != nil {
		return err
	}
	volume.Spec.Capacity = corev1.ResourceList{corev1.ResourceStorage: wants}
	if _, err = r.client.CoreV1().PersistentVolumes().Update(ctx, volume, metav1.UpdateOptions{}); err != nil {
		return err
	}
	grown := claim.DeepCopy()
	grown.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: wants}
	_, err = r.client.CoreV1().PersistentVolumeClaims(claim.Namespace).UpdateStatus(ctx, grown, metav1.UpdateOptions{})
	return err
}
