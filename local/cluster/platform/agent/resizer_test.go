package main

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func TestWantsMore(t *testing.T) {
	claim := func(phase corev1.PersistentVolumeClaimPhase, wants, has string) *corev1.PersistentVolumeClaim {
		c := &corev1.PersistentVolumeClaim{Status: corev1.PersistentVolumeClaimStatus{Phase: phase}}
		c.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(wants)}
		if has != "" {
			c.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(has)}
		}
		return c
	}
	for _, row := range []struct {
		claim *corev1.PersistentVolumeClaim
		want  bool
	}{
		{claim(corev1.ClaimBound, "2Gi", "1Gi"), true},
		{claim(corev1.ClaimBound, "1Gi", "1Gi"), false},
		{claim(corev1.ClaimBound, "1Gi", "2Gi"), false},
		{claim(corev1.ClaimPending, "2Gi", ""), false},
		{claim(corev1.ClaimLost, "2Gi", "1Gi"), false},
	} {
		if got := wantsMore(row.claim); got != row.want {
			t.Errorf("%v: got %v", row.claim, got)
		}
	}
}
