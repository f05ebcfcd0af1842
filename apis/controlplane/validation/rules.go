// Package validation has the rules of the group controlplane.cluster.x-k8s.io; see
// package apis/validation.
package validation

import (
	"github.com/capa-apiserver/capa-apiserver/apis/controlplane/install"
	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	shared "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/validation"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// Rules are the rules of all kinds of the group: one row for a kind that has more than a
// schema.
var Rules = validation.NewTable(install.Group,
	validation.Own[*controlplanev1.AWSManagedControlPlane]{Create: ValidateAWSManagedControlPlane, Update: ValidateAWSManagedControlPlaneUpdate, Recorded: recorded, Records: shared.FoundationRecords, Warnings: AWSManagedControlPlaneWarnings},
	validation.Own[*controlplanev1.AWSManagedControlPlaneTemplate]{Create: ValidateAWSManagedControlPlaneTemplate, Warnings: AWSManagedControlPlaneTemplateWarnings},
)
