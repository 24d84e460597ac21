//! Reflection: lists the services and their types, for clients that have no `.proto` file.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use futures_util::stream::{Stream, StreamExt};
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use tonic::{Code, Request, Response, Status, Streaming};

use super::proto::reflection::server_reflection_request::MessageRequest;
use super::proto::reflection::server_reflection_response::MessageResponse;
use super::proto::reflection::server_reflection_server::{
    ServerReflection, ServerReflectionServer,
};
use super::proto::reflection::{
    ErrorResponse, FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest,
    ServerReflectionResponse, ServiceResponse,
};
use super::routes::Routes;

/// The descriptors of the `.proto` files.
const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");
/// The older name, which many clients still use; the messages are the same.
const OLDER: &str = "grpc.reflection.v1alpha.ServerReflection";

/// Adds reflection for these services.
pub fn add(routes: Routes, services: &'static [&'static str], message_bytes: usize) -> Routes {
    let answers = Reflection(services);
    let service = ServerReflectionServer::new(answers).max_decoding_message_size(message_bytes);
    routes.with_alias(OLDER, service.clone()).with(service)
}

/// A file's descriptor, and those of the files that it imports.
type WithImports = Arc<[Vec<u8>]>;

/// The descriptors of the files, by name and by everything they declare.
static FILES: LazyLock<HashMap<String, WithImports>> = LazyLock::new(files);

/// The names of the services.
#[derive(Clone, Copy)]
struct Reflection(&'static [&'static str]);

fn files() -> HashMap<String, WithImports> {
    let mut files = HashMap::new();
    // Written by a test, which also reads it back.
    let all = FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default();
    for file in &all.file {
        let imported = all.file.iter().filter(|it| imports(file, it));
        let files_of = std::iter::once(file).chain(imported);
        let bytes: WithImports = files_of.map(Message::encode_to_vec).collect();
        for name in declared(file) {
            files.insert(name, bytes.clone());
        }
        files.insert(file.name().to_owned(), bytes);
    }
    files
}

fn imports(file: &FileDescriptorProto, other: &FileDescriptorProto) -> bool {
    file.dependency.iter().any(|name| name == other.name())
}

impl Reflection {
    fn answer(&self, request: ServerReflectionRequest) -> ServerReflectionResponse {
        let answer = match &request.message_request {
            Some(MessageRequest::FileByFilename(name))
            | Some(MessageRequest::FileContainingSymbol(name)) => file(name),
            Some(MessageRequest::ListServices(_)) => {
                let service = self.0.iter();
                let service = service.map(|name| ServiceResponse {
                    name: (*name).to_owned(),
                });
                MessageResponse::ListServicesResponse(ListServiceResponse {
                    service: service.collect(),
                })
            }
            Some(_) => error(Code::NotFound, "there are no extensions"),
            None => error(Code::InvalidArgument, "nothing is asked for"),
        };
        ServerReflectionResponse {
            valid_host: request.host.clone(),
            original_request: Some(request),
            message_response: Some(answer),
        }
    }
}

fn file(name: &str) -> MessageResponse {
    match FILES.get(name) {
        None => error(Code::NotFound, "there is no such file or symbol"),
        Some(files) => MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
            file_descriptor_proto: files.to_vec(),
        }),
    }
}

fn error(code: Code, why: &str) -> MessageResponse {
    MessageResponse::ErrorResponse(ErrorResponse {
        error_code: code as i32,
        error_message: why.to_owned(),
    })
}

/// The full names of what a file declares.
fn declared(file: &FileDescriptorProto) -> Vec<String> {
    let mut names = Vec::new();
    for service in &file.service {
        let name = format!("{}.{}", file.package(), service.name());
        let methods = service.method.iter();
        names.extend(methods.map(|method| format!("{name}.{}", method.name())));
        names.push(name);
    }
    for message in &file.message_type {
        declared_in(file.package(), message, &mut names);
    }
    names
}

fn declared_in(scope: &str, message: &DescriptorProto, names: &mut Vec<String>) {
    let name = format!("{scope}.{}", message.name());
    let enums = message.enum_type.iter();
    names.extend(enums.map(|nested| format!("{name}.{}", nested.name())));
    for nested in &message.nested_type {
        declared_in(&name, nested, names);
    }
    names.push(name);
}

#[tonic::async_trait]
impl ServerReflection for Reflection {
    type ServerReflectionInfoStream =
        Pin<Box<dyn Stream<Item = Result<ServerReflectionResponse, Status>> + Send>>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let known = *self;
        let answers = request
            .into_inner()
            .map(move |request| request.map(|request| known.answer(request)));
        Ok(Response::new(Box::pin(answers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_declared_is_found_where_it_is() {
        for name in [
            "name.proto",
            "proto.NameService",
            "proto.NameService.CreateRoom",
            "proto.HeartBeat",
            "chat.admin.v1.Admin",
            "chat.admin.v1.Channels",
            "grpc.health.v1.HealthCheckResponse.ServingStatus",
            "grpc.reflection.v1.ServerReflection",
        ] {
            let MessageResponse::FileDescriptorResponse(found) = file(name) else {
                panic!("{name}");
            };
            let files = found.file_descriptor_proto.iter();
            let files: Vec<FileDescriptorProto> = files
                .map(|it| FileDescriptorProto::decode(&it[..]).unwrap())
                .collect();
            for needed in files.iter().flat_map(|file| &file.dependency) {
                let is_there = files.iter().any(|file| file.name() == needed);
                assert!(is_there, "{name} comes without {needed}");
            }
        }
        assert!(matches!(
            file("proto.Nothing"),
            MessageResponse::ErrorResponse(_)
        ));
    }
}
