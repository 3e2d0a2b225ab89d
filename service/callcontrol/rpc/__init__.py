"""The API over gRPC: the only layer that knows protobuf, status codes and who the caller is."""
