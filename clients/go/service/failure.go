package service

import (
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "callcontrol.example/clients/callcontrol/v1"
)

// CodeName is the code of a failed request, as FAILED_PRECONDITION.
func CodeName(failure error) string {
	return code.Code(status.Code(failure)).String()
}

// Reason is the name of the ErrorReason of a failed request, without its prefix;
// empty when the failure is not the service's.
func Reason(failure error) string {
	for _, detail := range status.Convert(failure).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// Refusal is the error of a refused request, made of one that came as a message of a stream.
func Refusal(refused *pb.ReleaseRefused) error {
	reason := strings.TrimPrefix(refused.GetReason().String(), "ERROR_REASON_")
	info := &errdetails.ErrorInfo{Reason: reason, Domain: "callcontrol.v1", Metadata: refused.GetMetadata()}
	request := &errdetails.BadRequest{}
	for _, each := range refused.GetViolations() {
		request.FieldViolations = append(request.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field: each.GetField(), Description: each.GetDescription(),
		})
	}
	plain := status.New(codes.Code(refused.GetCode()), refused.GetMessage())
	if detailed, err := plain.WithDetails(info, request); err == nil {
		return detailed.Err()
	}
	return plain.Err()
}

// RetryIn is how long the service asks to wait before the same request.
func RetryIn(failure error) time.Duration {
	for _, detail := range status.Convert(failure).Details() {
		if retry, ok := detail.(*errdetails.RetryInfo); ok {
			return retry.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// Sentence is what a failure says to a person.
func Sentence(failure error) string {
	return CodeName(failure) + ": " + status.Convert(failure).Message()
}

// IsOver says whether a request failed because its call has ended.
func IsOver(failure error) bool {
	reason := Reason(failure)
	return reason == "CALL_ENDED" || reason == "CALL_NOT_FOUND"
}
