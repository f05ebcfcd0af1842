// Package validation has the rules of the group infrastructure.cluster.x-k8s.io; see
// package apis/validation.
package validation

import (
	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// Rules are the rules of all kinds of the group: one row for a kind that has more than a
// schema.
var Rules = validation.NewTable(install.Group,
	validation.Own[*infrav1.AWSCluster]{Create: ValidateAWSCluster, Update: ValidateAWSClusterUpdate, Recorded: recordedByCluster, Records: FoundationRecords, Warnings: AWSClusterWarnings},
	validation.Own[*infrav1.AWSClusterTemplate]{Create: ValidateAWSClusterTemplate, Warnings: AWSClusterTemplateWarnings},
	validation.Own[*infrav1.AWSClusterControllerIdentity]{Create: ValidateAWSClusterControllerIdentity, Update: ValidateAWSClusterControllerIdentityUpdate},
	validation.Own[*infrav1.AWSClusterRoleIdentity]{Create: ValidateAWSClusterRoleIdentity},
	validation.Own[*infrav1.AWSClusterStaticIdentity]{Create: ValidateAWSClusterStaticIdentity, Update: ValidateAWSClusterStaticIdentityUpdate},
	validation.Own[*infrav1.AWSMachine]{Create: ValidateAWSMachine, Update: ValidateAWSMachineUpdate, Recorded: recordedByMachine, Records: validation.Paths(machineRecords), Warnings: AWSMachineWarnings},
	validation.Own[*infrav1.AWSMachineTemplate]{Create: ValidateAWSMachineTemplate, Warnings: AWSMachineTemplateWarnings},
	validation.Own[*infrav1.AWSMachinePool]{Create: ValidateAWSMachinePool, Update: ValidateAWSMachinePoolUpdate, Recorded: recordedByPool, Records: validation.Paths(poolRecords), Warnings: AWSMachinePoolWarnings},
	validation.Own[*infrav1.AWSManagedCluster]{Create: ValidateAWSManagedCluster, Update: ValidateAWSManagedClusterUpdate, Recorded: recordedByManagedCluster, Records: validation.Paths(managedClusterRecords)},
	validation.Own[*infrav1.AWSManagedClusterTemplate]{Create: ValidateAWSManagedClusterTemplate},
	validation.Own[*infrav1.AWSManagedMachinePool]{Create: ValidateAWSManagedMachinePool, Update: ValidateAWSManagedMachinePoolUpdate, Recorded: recordedByManagedPool, Records: validation.Paths(managedPoolRecords), Warnings: AWSManagedMachinePoolWarnings},
	validation.Own[*infrav1.AWSManagedMachinePoolTemplate]{Create: ValidateAWSManagedMachinePoolTemplate, Warnings: AWSManagedMachinePoolTemplateWarnings},
	validation.Own[*infrav1.AWSFargateProfile]{Create: ValidateAWSFargateProfile, Update: ValidateAWSFargateProfileUpdate, Recorded: recordedByProfile, Records: validation.Paths(profileRecords)},
)
